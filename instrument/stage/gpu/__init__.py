"""GPU: all that speaks OpenGL for the stage - shaders, words, pictures. Under the player of the stage."""
