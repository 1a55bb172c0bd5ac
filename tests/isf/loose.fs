// A comment of another kind comes first.
/* and one that holds no JSON { */

/*
{
    "ISFVSN": 2.0,
    "DESCRIPTION": "tabs	and a comma too many, as many files have",
    "INPUTS": [
        { "NAME": "a", "TYPE": "float", "DEFAULT": 0.5, },
    ],
}
*/
void main() {
    gl_FragColor = vec4(a, /* gl_FragColor */ 0.0, 0.0, 1.0);  // "gl_FragColor"
}
