#version 330 core
// Marks, one copy each, from a table of three texels: (ax ay bx by) (radius stroke dash grain) (r g b a).
uniform sampler2D table;
uniform vec2 size;
uniform float unit;
uniform int first;
flat out vec4 ends, shape, paint;
out vec2 here;
void main() {
    int row = gl_InstanceID + first;
    ends = texelFetch(table, ivec2(0, row), 0);
    shape = texelFetch(table, ivec2(1, row), 0);
    paint = texelFetch(table, ivec2(2, row), 0);
    float reach = shape.x + shape.y + 6.0 * unit + shape.w * 3.0;
    vec2 along = ends.zw - ends.xy;
    along = dot(along, along) < 1e-6 ? vec2(1.0, 0.0) : normalize(along);
    vec2 normal = vec2(-along.y, along.x);
    float end = float(gl_VertexID & 1) * 2.0 - 1.0, side = float(gl_VertexID >> 1) * 2.0 - 1.0;
    here = (end < 0.0 ? ends.xy : ends.zw) + (along * end + normal * side) * reach;
    gl_Position = vec4(2.0 * here / size - 1.0, 0.0, 1.0);
}
