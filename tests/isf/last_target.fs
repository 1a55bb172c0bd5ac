/*{ "ISFVSN": "2", "PASSES": [ { "TARGET": "a", "FLOAT": true }, { "TARGET": "b", "FLOAT": true, "WIDTH": "2", "HEIGHT": "2" } ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = vec4(0.75);
    else gl_FragColor = IMG_THIS_PIXEL(a) * 2.0;
}
