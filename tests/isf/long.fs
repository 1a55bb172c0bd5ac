/*{ "ISFVSN": "2", "INPUTS": [
    { "NAME": "menu", "TYPE": "long", "VALUES": [10, 40, 20], "LABELS": ["ten", "forty", "twenty"], "DEFAULT": 40 },
    { "NAME": "count", "TYPE": "long", "MIN": 1, "MAX": 8, "DEFAULT": 3 }
] }*/
void main() {
    gl_FragColor = vec4(float(menu) / 100.0, float(count) / 10.0, menu == 20 ? 1.0 : 0.0, 1.0);
}
