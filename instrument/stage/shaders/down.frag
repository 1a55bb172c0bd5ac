#version 330 core
// To a smaller picture: four reads between texels, so that thin lines do not flicker in and out.
uniform sampler2D picture;
uniform vec2 stride;          // one texel of the smaller picture
in vec2 uv;
out vec4 colour;
void main() {
    vec3 c = texture(picture, uv + stride * vec2(-0.25, -0.25)).rgb + texture(picture, uv + stride * vec2(0.25, -0.25)).rgb
           + texture(picture, uv + stride * vec2(-0.25, 0.25)).rgb + texture(picture, uv + stride * vec2(0.25, 0.25)).rgb;
    colour = vec4(c * 0.25, 1.0);
}
