/*{ "ISFVSN": "2", "INPUTS": [
    { "NAME": "mix", "TYPE": "float", "DEFAULT": 0.5, "LABEL": "Mélange: 50 % / \u00e9t\u00e9" },
    { "NAME": "sample", "TYPE": "float", "DEFAULT": 0.25 },
    { "NAME": "filter", "TYPE": "bool", "DEFAULT": 1 },
    { "NAME": "_under_", "TYPE": "float", "DEFAULT": "0.125" }
] }*/
struct Pair { float mix; float filter; };
void main() {
    Pair pair = Pair(0.1, 0.2);
    vec4 input = vec4(mix(0.0, 1.0, mix), sample, filter ? pair.filter : pair.mix, _under_);  // mix, sample: é
    gl_FragColor = input;
}
