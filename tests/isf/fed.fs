/*{ "ISFVSN": "2", "INPUTS": [
    { "NAME": "level", "TYPE": "float", "MIN": 0.0, "MAX": 2.0 },
    { "NAME": "hand1", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
    { "NAME": "latent2", "TYPE": "float" },
    { "NAME": "pos99", "TYPE": "float" }
] }*/
void main() {
    gl_FragColor = vec4(level, hand1, latent2, pos99);
}
