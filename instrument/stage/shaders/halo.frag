#version 330 core
// The halo outside the live line: breathes with the level, and chance at the sound tears its edge.
uniform vec3 ivory, warm;
uniform float level, torn, time;
in float across;
in float strain;
in float along;
out vec4 colour;

float hash(vec2 p) {
    uvec2 q = uvec2(ivec2(p)) * uvec2(1597334673u, 3812015801u);
    uint n = (q.x ^ q.y) * 1597334673u;
    n ^= n >> 15; n *= 2246822519u; n ^= n >> 13;
    return float(n >> 8) / 16777216.0;
}

float noise(float x, float y, float period) {      // smooth, and closed round the circle
    vec2 i = floor(vec2(x, y)), f = fract(vec2(x, y));
    f = f * f * (3.0 - 2.0 * f);
    float l = mod(i.x, period), r = mod(i.x + 1.0, period);
    return mix(mix(hash(vec2(l, i.y)), hash(vec2(r, i.y)), f.x), mix(hash(vec2(l, i.y + 1.0)), hash(vec2(r, i.y + 1.0)), f.x), f.y);
}

void main() {
    float slow = noise(along * 14.0, time * 0.35 + 40.0, 14.0) * 0.6 + noise(along * 37.0, time * 0.8, 37.0) * 0.4;
    float fine = noise(along * 310.0, time * 5.0, 310.0) * 0.6 + noise(along * 900.0, time * 9.0, 900.0) * 0.4;
    float reach = (0.20 + 0.55 * level) * (0.65 + 0.7 * slow);
    reach *= mix(1.0, 0.25 + 1.9 * fine * fine, torn);
    float out_ = max(across, 0.0), in_ = max(-across, 0.0);
    float light = across > 0.0 ? exp(-out_ / max(reach * 0.45, 0.01)) : exp(-in_ * 9.0);
    light *= (1.0 - abs(across)) * (0.10 + 0.75 * level);
    vec3 body = mix(mix(ivory, warm, 0.5), warm, clamp(0.7 * strain + out_ * 0.8, 0.0, 1.0));
    colour = vec4(body * light * (0.30 + 0.60 * strain), 1.0);
}
