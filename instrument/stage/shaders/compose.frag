#version 330 core
// Light on the ground: the glow, its bloom, a fixed dither so that dark gradients have no steps.
uniform sampler2D picture, bloom;
uniform vec3 ground, warm;
uniform float shown;          // 0 = the black picture, 1 = all
in vec2 uv;
out vec4 colour;
void main() {
    // Where not even the bloom reaches nothing is looked at: half of the work of a software renderer.
    vec3 near = texture(bloom, uv).rgb;
    if (near.r < 0.0008) {
        colour = vec4(ground * shown, 1.0);
        return;
    }
    vec3 light = texture(picture, uv).rgb + (near - 0.0008) * mix(vec3(1.0), warm, 0.48) * 0.50;
    vec2 edge = clamp((0.5 - abs(uv - 0.5)) * 12.0, 0.0, 1.0);
    light *= edge.x * edge.y;               // beyond this square there is only the ground
    light = 1.0 - exp(-1.15 * light);
    vec3 c = ground + (1.0 - ground) * light;
    float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    colour = vec4((c + grain / 255.0 * step(0.002, light.r)) * shown, 1.0);
}
