/*{ "ISFVSN": "2" }*/
void main() {
    gl_FragColor = vec4(float(FRAMEINDEX), float(FRAMEINDEX % 2), 0.0, 1.0);
}
