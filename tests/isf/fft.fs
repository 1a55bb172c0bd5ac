/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "spectrum", "TYPE": "audioFFT" } ] }*/
void main() {
    gl_FragColor = vec4(IMG_PIXEL(spectrum, vec2(gl_FragCoord.x, 0.5)).r, IMG_SIZE(spectrum).x / 1000.0, 0.0, 1.0);
}
