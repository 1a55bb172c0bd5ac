out vec3 given;
void main() {
    isf_vertShaderInit();
    gl_Position.x = gl_Position.x * 0.5 - 0.5;  // the left half only
    given = vec3(isf_FragNormCoord, RENDERSIZE.x / 100.0);
}
