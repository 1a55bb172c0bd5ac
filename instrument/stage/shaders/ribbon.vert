#version 330 core
// A closed curve as a ribbon; one copy per ring. Table: rg = radius (pixels of the drawing), strain 0..1.
uniform sampler2D curves;
uniform sampler2D looks;      // one texel a curve: brightness, half width (pixels), age 0..1, reach inwards 0 or 1
uniform vec2 size;
uniform vec2 centre;
uniform int points;
uniform int stride;
uniform int first;
out float across;             // -1 inside .. 1 outside
out float strain;
out float along;              // 0..1 round the circle
flat out vec4 look;
flat out int row;

vec2 at(int i) {
    int k = (i % points + points) % points;
    float a = 6.28318530718 * float(k) / float(points);
    return texelFetch(curves, ivec2(k, row), 0).r * vec2(sin(a), cos(a));
}

void main() {
    row = first + gl_InstanceID;
    look = texelFetch(looks, ivec2(row, 0), 0);
    int i = (gl_VertexID / 2) * stride;
    float side = float(gl_VertexID & 1) * 2.0 - 1.0;
    vec2 along_curve = at(i + stride) - at(i - stride);
    vec2 normal = normalize(vec2(-along_curve.y, along_curve.x) + 1e-6);
    across = side;
    along = float(i) / float(points);
    strain = texelFetch(curves, ivec2(i % points, row), 0).g;
    vec2 p = centre + at(i) + normal * side * look.y;
    gl_Position = vec4(2.0 * p / size - 1.0, 0.0, 1.0);
}
