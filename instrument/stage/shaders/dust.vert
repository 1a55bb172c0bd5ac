#version 330 core
// Chance at the sound: dust thrown off the live line, further the more of it there is.
uniform sampler2D curves;
uniform vec2 size;
uniform vec2 centre;
uniform int points;
uniform int row;
uniform float spread, dot_size, beat, zoom;
out vec2 here;
flat out float bright;

float hash(uint n) {
    n ^= n >> 16; n *= 2246822519u; n ^= n >> 13; n *= 3266489917u; n ^= n >> 16;
    return float(n >> 8) / 16777216.0;
}

void main() {
    uint n = uint(gl_InstanceID) * 7u + uint(beat) * 40503u;
    float place = hash(n) * float(points);
    int k = int(place) % points;
    float t = 6.28318530718 * place / float(points);
    float r = mix(texelFetch(curves, ivec2(k, row), 0).r, texelFetch(curves, ivec2((k + 1) % points, row), 0).r, fract(place));
    float away = -log(1.0 - 0.98 * hash(n + 1u)) * spread * (hash(n + 2u) < 0.72 ? 1.0 : -0.6);
    bright = 0.25 + 0.75 * hash(n + 3u);
    vec2 p = centre + (r * zoom + away) * vec2(sin(t), cos(t));
    here = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
    gl_Position = vec4(2.0 * (p + here * dot_size) / size - 1.0, 0.0, 1.0);
}
