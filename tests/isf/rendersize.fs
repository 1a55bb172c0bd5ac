/*{ "ISFVSN": "2", "PASSES": [ { "TARGET": "a", "FLOAT": true, "WIDTH": "$HEIGHT", "HEIGHT": "5" }, { "TARGET": "b", "FLOAT": true }, {} ] }*/
void main() {
    if (PASSINDEX == 2) gl_FragColor = vec4(IMG_PIXEL(a, vec2(0.5)).rg, IMG_PIXEL(b, vec2(0.5)).rg + RENDERSIZE / 1000.0);
    else gl_FragColor = vec4(RENDERSIZE / 100.0, 0.0, 1.0);
}
