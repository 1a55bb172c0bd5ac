/*{ "ISFVSN": "2", "PASSES": [ { "TARGET": "trail", "FLOAT": true }, {} ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = mix(IMG_THIS_PIXEL(trail), vec4(1.0), 0.5);
    else gl_FragColor = IMG_THIS_PIXEL(trail);
}
