/*{ "IMPORTED": { "a": { "PATH": "nowhere.png" } } }*/
void main() { gl_FragColor = IMG_THIS_PIXEL(a); }
