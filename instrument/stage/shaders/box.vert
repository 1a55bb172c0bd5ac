#version 330 core
// Boxes, one copy each, from a table of three texels: (left bottom width height) (radius stroke - -) (r g b a).
uniform sampler2D table;
uniform vec2 size;
flat out vec4 box, shape, paint;
out vec2 here;
void main() {
    box = texelFetch(table, ivec2(0, gl_InstanceID), 0);
    shape = texelFetch(table, ivec2(1, gl_InstanceID), 0);
    paint = texelFetch(table, ivec2(2, gl_InstanceID), 0);
    here = box.xy - 1.0 + vec2(gl_VertexID & 1, gl_VertexID >> 1) * (box.zw + 2.0);
    gl_Position = vec4(2.0 * here / size - 1.0, 0.0, 1.0);
}
