/*{ "ISFVSN": "2", "INPUTS": [
    { "NAME": "here", "TYPE": "point2D", "DEFAULT": [0.25, 0.75], "MIN": [0, 0], "MAX": [1, 1] },
    { "NAME": "pixels", "TYPE": "point2D", "DEFAULT": [640, 480] }
] }*/
void main() {
    gl_FragColor = vec4(here, pixels / 1000.0);
}
