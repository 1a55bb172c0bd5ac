#version 330 core
uniform vec3 ivory;
uniform float light;
in vec2 here;
flat in float bright;
out vec4 colour;
void main() {
    float d = clamp(1.0 - dot(here, here), 0.0, 1.0);
    colour = vec4(ivory * d * bright * light, 1.0);
}
