#version 330 core
uniform vec3 ivory, warm;
uniform float reach, width, thin, light, glowing;
flat in vec2 a, b;
in vec2 here;
in float strain;
out vec4 colour;

void main() {
    vec2 ab = b - a, ap = here - a;
    float h = clamp(dot(ap, ab) / max(dot(ab, ab), 1e-6), 0.0, 1.0);
    float d = length(ap - ab * h);
    float core = 1.0 - smoothstep(width * 0.5, width * 1.3, d);
    float fall = clamp(1.0 - d / reach, 0.0, 1.0);
    vec3 glow = mix(mix(ivory, warm, 0.4), warm, 0.8 * strain) * fall * fall * fall * 0.85 * glowing;
    colour = vec4((mix(ivory, vec3(1.0, 0.97, 0.92), 0.5) * core * 2.6 * thin + glow) * light, 1.0);
}
