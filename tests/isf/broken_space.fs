/*{ "INPUTS": [ { "NAME": "my level", "TYPE": "float" } ] }*/
void main() { gl_FragColor = vec4(1.0); }
