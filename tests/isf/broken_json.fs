/*{
    "ISFVSN": "2",
    "INPUTS": [ { "NAME" "a" } ]
}*/
void main() { gl_FragColor = vec4(1.0); }
