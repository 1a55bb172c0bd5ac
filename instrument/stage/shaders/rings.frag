#version 330 core
// Growth rings: thin bright lines when loud, warm where a knob was strained, slate when old.
uniform vec3 ivory, warm, slate;
uniform float line, thin;     // half width of the line in pixels; how much of a pixel it would fill
in float across;
in float strain;
flat in vec4 look;
out vec4 colour;

void main() {
    float d = abs(across) * look.y;
    float core = exp(-d * d / (line * line));
    float glow = (1.0 - abs(across)) * (1.0 - abs(across)) * 0.10;
    float young = 1.0 - look.z;
    float hot = young * young * young;
    vec3 body = mix(slate * 0.8, mix(ivory, warm * 1.5, 0.7 * strain * (1.0 - 0.6 * hot)), smoothstep(0.05, 0.85, young));
    vec3 haze = mix(slate * 0.6, warm, young) * (0.8 + 2.6 * strain * young);
    colour = vec4((body * core * thin + haze * glow) * look.x * (0.24 + 1.6 * hot), 1.0);
}
