#version 330 core
// The live line: one copy per segment, a box around it wide enough for its glow.
uniform sampler2D curves;
uniform vec2 size;
uniform vec2 centre;
uniform int points;
uniform int row;
uniform float reach, zoom;
flat out vec2 a, b;
out vec2 here;
out float strain;

vec3 at(int i) {
    int k = i % points;
    float t = 6.28318530718 * float(k) / float(points);
    vec2 c = texelFetch(curves, ivec2(k, row), 0).rg;
    return vec3(centre + c.r * zoom * vec2(sin(t), cos(t)), c.g);
}

void main() {
    vec3 p = at(gl_InstanceID), q = at(gl_InstanceID + 1);
    a = p.xy; b = q.xy;
    vec2 along = normalize(b - a + 1e-5), normal = vec2(-along.y, along.x);
    float end = float(gl_VertexID & 1) * 2.0 - 1.0, side = float(gl_VertexID >> 1) * 2.0 - 1.0;
    here = (end < 0.0 ? a : b) + (along * end + normal * side) * reach;
    strain = end < 0.0 ? p.z : q.z;
    gl_Position = vec4(2.0 * here / size - 1.0, 0.0, 1.0);
}
