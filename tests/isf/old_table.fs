/*{ "PERSISTENT_BUFFERS": { "kept": { "WIDTH": "7", "HEIGHT": "$HEIGHT", "FLOAT": true } }, "PASSES": [ { "TARGET": "kept" }, {} ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = IMG_THIS_PIXEL(kept) + 3.0;
    else gl_FragColor = vec4(IMG_THIS_PIXEL(kept).r, IMG_SIZE(kept), 1.0);
}
