{# As Brian2CUDA's, but a variable that all cells share may be read both once and for each cell. #}
{# USES_VARIABLES { _group_idx } #}
{% extends 'brian2cuda/group_variable_set.cu' %}

{% block kernel_maincode %}
    {{scalar_code|autoindent}}
    _idx = {{_group_idx}}[_vectorisation_idx];
    _vectorisation_idx = _idx;
    {
        {{vector_code|autoindent}}
    }
{% endblock %}

{% block kernel_call %}
    // synapses may be none
    if (_N > 0)
    {
        {{super()}}
    }
{% endblock %}
