#version 330 core
// Half of a Gaussian, 9 taps by 5 reads between texels.
uniform sampler2D picture;
uniform vec2 stride;
in vec2 uv;
out vec4 colour;
void main() {
    vec3 c = texture(picture, uv).rgb * 0.2270270270;
    c += (texture(picture, uv + stride * 1.3846153846).rgb + texture(picture, uv - stride * 1.3846153846).rgb) * 0.3162162162;
    c += (texture(picture, uv + stride * 3.2307692308).rgb + texture(picture, uv - stride * 3.2307692308).rgb) * 0.0702702703;
    colour = vec4(c, 1.0);
}
