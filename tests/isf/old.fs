/*{
    "CREDIT": "version 1",
    "INPUTS": [ { "NAME": "amount", "TYPE": "float", "DEFAULT": 0.5 } ],
    "PERSISTENT_BUFFERS": [ "kept" ],
    "PASSES": [ { "TARGET": "kept", "FLOAT": true }, { } ]
}*/
#version 120
varying vec2 doubled;
void main() {
    if (PASSINDEX == 0) gl_FragColor = IMG_THIS_PIXEL(kept) + vec4(amount);
    else gl_FragColor = vec4(texture2D(kept, vv_FragNormCoord).r, doubled, 1.0);
}
