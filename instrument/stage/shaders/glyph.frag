#version 330 core
uniform sampler2D letters;
flat in vec4 paint;
in vec2 uv;
out vec4 colour;
void main() {
    colour = vec4(paint.rgb, paint.a * texture(letters, uv).a);
}
