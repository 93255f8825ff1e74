{# As Brian2CUDA's, but a variable that all cells share may be read both once and for each cell. #}
{# USES_VARIABLES { N } #}
{% extends 'brian2cuda/reset.cu' %}

{% block kernel_maincode %}
    {% set _events = get_array_name(eventspace_variable) %}
    if (_idx >= {{_events}}[N])
        return;
    _idx = {{_events}}[_idx];
    {{scalar_code|autoindent}}
    {
        {{vector_code|autoindent}}
    }
{% endblock %}
