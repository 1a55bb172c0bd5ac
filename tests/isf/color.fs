/*{ "ISFVSN": "2", "INPUTS": [
    { "NAME": "tint", "TYPE": "color", "DEFAULT": [0.1, 0.2, 0.3, 0.4] },
    { "NAME": "solid", "TYPE": "color", "DEFAULT": [0.5, 0.6, 0.7] }
] }*/
void main() {
    gl_FragColor = isf_FragNormCoord.x < 0.5 ? tint : solid;
}
