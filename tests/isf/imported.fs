/*{ "ISFVSN": "2", "IMPORTED": { "corners": { "PATH": "corners.png" } } }*/
void main() {
    gl_FragColor = vec4(IMG_NORM_PIXEL(corners, step(0.5, isf_FragNormCoord)).rgb, IMG_SIZE(corners).x);
}
