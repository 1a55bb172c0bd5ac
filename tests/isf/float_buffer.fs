/*{ "ISFVSN": "2", "PASSES": [
    { "TARGET": "fine", "FLOAT": true }, { "TARGET": "coarse" }, {} ] }*/
void main() {
    if (PASSINDEX < 2) gl_FragColor = vec4(1234.5, -2.0, 0.00001, 1.0);
    else gl_FragColor = vec4(IMG_THIS_PIXEL(fine).rg, IMG_THIS_PIXEL(coarse).rg);
}
