/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "wave", "TYPE": "audio" } ] }*/
void main() {
    gl_FragColor = vec4(IMG_NORM_PIXEL(wave, isf_FragNormCoord).r, IMG_SIZE(wave) / 1000.0, 1.0);
}
