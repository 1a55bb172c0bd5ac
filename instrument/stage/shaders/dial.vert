#version 330 core
// Dials, one copy each, from a table of three texels:
// (x y radius row of its histogram) (hand pos stick strain) (state focus pickup unit).
uniform sampler2D table;
uniform vec2 size;
uniform int first;
uniform float reach;
flat out vec4 place, now, how;
out vec2 here;
void main() {
    int row = gl_InstanceID + first;
    place = texelFetch(table, ivec2(0, row), 0);
    now = texelFetch(table, ivec2(1, row), 0);
    how = texelFetch(table, ivec2(2, row), 0);
    float far = place.z + reach * how.w;
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    if (corner.y < 0.0) corner.y = -0.86;                      // nothing lies below the ends of the arc
    here = corner * far;
    gl_Position = vec4(2.0 * (place.xy + here) / size - 1.0, 0.0, 1.0);
}
