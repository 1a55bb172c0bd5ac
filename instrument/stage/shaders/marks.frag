#version 330 core
// A mark is a capsule (a disc when its ends meet), filled or as an outline, whole or dashed, clean or grainy.
uniform vec3 ground;
uniform float unit, beat, shown;
flat in vec4 ends, shape, paint;
in vec2 here;
out vec4 colour;

float hash(vec2 p) {
    uvec2 q = uvec2(ivec2(p)) * uvec2(1597334673u, 3812015801u) + uint(beat) * 668265263u;
    uint n = (q.x ^ q.y) * 1597334673u;
    n ^= n >> 15; n *= 2246822519u; n ^= n >> 13;
    return float(n >> 8) / 16777216.0;
}

void main() {
    float radius = shape.x, stroke = shape.y, dash = shape.z, grain = shape.w;
    vec2 ab = ends.zw - ends.xy, ap = here - ends.xy;
    float length_ = length(ab);
    float h = length_ > 0.0 ? clamp(dot(ap, ab) / (length_ * length_), 0.0, 1.0) : 0.0;
    float d = length(ap - ab * h) - radius;
    bool hollow = stroke > 0.0;
    if (hollow) d = abs(d) - 0.5 * stroke;
    float cover = clamp(0.5 - d, 0.0, 1.0);
    if (dash > 0.0) {                                   // dashes with round ends, whole ones at both ends
        float n = max(1.0, floor(length_ / dash + 0.5)), pitch = length_ / n;
        float x = (fract(h * n) - 0.5) * pitch;
        float gap = max(abs(x) - 0.25 * pitch, 0.0);
        vec2 across = ap - ab * h;
        cover = clamp(0.5 - (length(vec2(gap, length(across))) - radius), 0.0, 1.0);
    }
    float specks = 0.0;
    if (grain > 0.0) {
        float cell = 1.6 * unit;
        specks = step(1.0 - 0.42 * exp(-max(d, 0.0) / (grain + 0.01)), hash(floor(here / cell))) * step(0.0, d + cell);
        if (hollow && length(ap - ab * h) < radius) specks = 0.0;
    }
    // A rim of ground round what is painted keeps it apart from the light behind.
    float rim = paint.a > 0.99 ? clamp(1.0 - max(d, 0.0) / (3.2 * unit), 0.0, 1.0) : 0.0;
    if (dash > 0.0) rim = 0.0;
    rim *= 0.82;
    if (hollow && length(ap - ab * h) < radius) rim = max(rim, 0.55);
    float alpha = max(max(cover * paint.a, specks * 0.9 * paint.a), rim);
    vec3 body = mix(ground, paint.rgb, clamp((max(cover, specks * 0.9) * paint.a) / max(alpha, 1e-4), 0.0, 1.0));
    colour = vec4(body, alpha * shown);
}
