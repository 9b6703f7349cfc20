// Makes the precompiled headers of HecateTargets.cmake a target of their own.
