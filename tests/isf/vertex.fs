/*{ "ISFVSN": "2" }*/
in vec3 given;
void main() {
    gl_FragColor = vec4(given, 1.0);
}
