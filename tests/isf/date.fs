/*{ "ISFVSN": "2" }*/
void main() {
    gl_FragColor = DATE;
}
