#version 330 core
// Letters, one copy each, from a table of three texels: corners (left bottom right top), the same in pyglet's texture, rgba.
uniform sampler2D table;
uniform vec2 size;
uniform int first;
flat out vec4 paint;
out vec2 uv;
void main() {
    int row = gl_InstanceID + first;
    vec4 box = texelFetch(table, ivec2(0, row), 0), from = texelFetch(table, ivec2(1, row), 0);
    paint = texelFetch(table, ivec2(2, row), 0);
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    uv = mix(from.xy, from.zw, corner);
    gl_Position = vec4(2.0 * mix(box.xy, box.zw, corner) / size - 1.0, 0.0, 1.0);
}
