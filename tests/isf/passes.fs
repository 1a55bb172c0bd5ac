/*{ "ISFVSN": "2", "PASSES": [ { "TARGET": "small", "WIDTH": "$WIDTH/16.0", "HEIGHT": "$HEIGHT/9.0" }, {} ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = vec4(gl_FragCoord.x < 1.0 ? 1.0 : 0.0, 0.0, 0.0, 1.0);
    else gl_FragColor = vec4(IMG_PIXEL(small, vec2(isf_FragNormCoord.x < 0.5 ? 0.5 : 1.5, 0.5)).r, IMG_SIZE(small) / 10.0, 1.0);
}
