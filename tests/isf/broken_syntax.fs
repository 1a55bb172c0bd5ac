/*{
    "ISFVSN": "2"
}*/

void main() {
    float a = 1.0
    gl_FragColor = vec4(a);
}
