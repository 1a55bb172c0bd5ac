/*{ "ISFVSN": "2", "CATEGORIES": ["Filter"], "INPUTS": [ { "NAME": "inputImage", "TYPE": "image" } ] }*/
void main() {
    vec4 a = IMG_THIS_PIXEL(inputImage);
    vec4 b = IMG_THIS_NORM_PIXEL(inputImage);
    vec4 c = IMG_PIXEL(inputImage, gl_FragCoord.xy);
    vec4 d = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord);
    float apart = max(max(length(a - b), length(b - c)), length(c - d));
    gl_FragColor = apart < 0.001 ? vec4(1.0 - a.rgb, a.a) : vec4(9.0);
}
