/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "on", "TYPE": "bool", "DEFAULT": true }, { "NAME": "off", "TYPE": "bool" } ] }*/
void main() {
    gl_FragColor = vec4(on ? 1.0 : 0.0, off ? 1.0 : 0.0, 0.0, 1.0);
}
