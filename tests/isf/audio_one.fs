/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "wave", "TYPE": "audio", "MAX": 1 } ] }*/
void main() {
    gl_FragColor = vec4(IMG_NORM_PIXEL(wave, vec2(0.5)).rgb, IMG_SIZE(wave).x);
}
