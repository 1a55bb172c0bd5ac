/*{ "ISFVSN": "2" }*/
void main() {
    gl_FragColor = vec4(isf_FragNormCoord, gl_FragCoord.xy / RENDERSIZE);
}
