/*{
    "ISFVSN": "2",
    "INPUTS": [
        { "NAME": "usual", "TYPE": "float", "DEFAULT": 0.25, "MIN": -1.0, "MAX": 2.0, "LABEL": "As usual" },
        { "NAME": "bare", "TYPE": "float" },
        { "NAME": "same", "TYPE": "float", "MIN": 0.0, "MAX": 4.0, "IDENTITY": 0.75 }
    ]
}*/
void main() {
    gl_FragColor = vec4(usual, bare, same, 1.0);
}
