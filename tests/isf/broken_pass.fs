/*{ "ISFVSN": "2" }*/
void main() {
    gl_FragColor = vec4(1.0);

    gl_FragColor += IMG_THIS_PIXEL(nowhere);
}
