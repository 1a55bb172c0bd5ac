/*{ "PASSES": [ { "TARGET": "a", "WIDTH": "$WIDHT/2.0" }, {} ] }*/
void main() { gl_FragColor = vec4(1.0); }
