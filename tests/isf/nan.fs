/*{ "ISFVSN": "2" }*/
void main() {
    float zero = float(FRAMEINDEX) * 0.0;
    gl_FragColor = isf_FragNormCoord.x < 0.5 ? vec4(zero / zero) : vec4(5.0, 0.5, -3.0, 1.0);
}
