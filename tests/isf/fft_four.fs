/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "spectrum", "TYPE": "audioFFT", "MAX": 4 } ] }*/
void main() {
    int column = int(isf_FragNormCoord.x * 4.0);
    gl_FragColor = vec4(IMG_PIXEL(spectrum, vec2(float(column) + 0.5, 0.5)).r, IMG_SIZE(spectrum).x / 10.0, 0.0, 1.0);
}
