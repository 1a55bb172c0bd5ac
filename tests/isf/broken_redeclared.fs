/*{ "INPUTS": [ { "NAME": "a", "TYPE": "float" } ] }*/
uniform vec2 a;
void main() { gl_FragColor = vec4(a, 0.0, 1.0); }
