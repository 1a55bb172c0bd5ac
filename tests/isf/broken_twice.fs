/*{ "INPUTS": [ { "NAME": "a", "TYPE": "float" }, { "NAME": "a", "TYPE": "bool" } ] }*/
void main() { gl_FragColor = vec4(1.0); }
